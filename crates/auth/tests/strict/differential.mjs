// The same malformed and edge requests to us and to oidc-provider. Every difference must have a reason, and the table of
// them must be the one that is checked in: MEDIA_GATEWAY_TABLE names it, MEDIA_GATEWAY_UPDATE writes it anew.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { cases } from './differential/cases.mjs';
import { why } from './differential/reasons.mjs';
import { CALLBACK, Ours, Theirs } from './differential/sides.mjs';

// What came of a request, in words that both sides share.
async function ask(side, { endpoint, make }) {
  const [method, query, headers, body] = await make(side);
  const answer = await fetch(side.at[endpoint] + query, { method, headers, body, redirect: 'manual' });
  const text = await answer.text();
  if (endpoint === 'authorize') return sent(answer);
  let json = {};
  try {
    json = JSON.parse(text);
  } catch {
    // A page or nothing: the status tells.
  }
  if (endpoint === 'userinfo') {
    const error = /error="([^"]+)"/.exec(answer.headers.get('www-authenticate') ?? '')?.[1];
    return `${answer.status} ${error ?? 'no error'}`;
  }
  if (answer.ok) return endpoint === 'introspect' ? `${json.active ? 'active' : 'inactive'}` : 'granted';
  return `${answer.status} ${json.error ?? 'no error'}`;
}

function sent(answer) {
  const location = answer.headers.get('location');
  if (!location) return `page ${answer.status}`;
  if (!location.startsWith(CALLBACK)) return 'asks the person';
  return `sends ${new URL(location).searchParams.get('error') ?? 'a code'}`;
}

const [ours, theirs] = [await Ours.open(process.env.MEDIA_GATEWAY_URL, process.env.MEDIA_GATEWAY_OPERATOR), await Theirs.open()];
let count = 0;
const [rows, unexplained] = [[], []];
for (const one of cases()) {
  count += 1;
  const [here, there] = [await ask(ours, one), await ask(theirs, one)];
  if (here === there) continue;
  const reason = why(one, here, there);
  if (!reason) unexplained.push(`${one.name}: ${here}, not ${there}`);
  rows.push(`| ${one.name} | ${here} | ${there} | ${reason} |`);
}
theirs.close();
unexplained.forEach((line) => console.error(line));
assert.equal(unexplained.length, 0, 'differences without a reason');
assert.ok(count >= 200, `${count} requests`);
const head = `# Differences from oidc-provider

Written by the test \`strict::differences_from_another_provider_have_reasons\`, which fails when this file is not what it
finds. Of ${count} malformed and edge requests, ${count - rows.length} are answered alike by us and by oidc-provider
${JSON.parse(fs.readFileSync('package.json')).devDependencies['oidc-provider']}; these are not.

| request | we answer | oidc-provider answers | why |
|---|---|---|---|
`;
const table = `${head}${rows.join('\n')}\n`;
if (process.env.MEDIA_GATEWAY_UPDATE) fs.writeFileSync(process.env.MEDIA_GATEWAY_TABLE, table);
assert.equal(fs.readFileSync(process.env.MEDIA_GATEWAY_TABLE, 'utf8'), table);
console.log(`ok ${count} requests, ${rows.length} differences`);
