// Requests, malformed and at the edge: each a name, an endpoint, and what to send to a side.
import { authorization, CALLBACK, DEVICE, VERIFIER } from './sides.mjs';

const id = (side) => side.clients.public.id;

// In order on both sides; every case is one of these with something changed.
const BASES = [
  ['code', 'token', async (side) => ({
    client_id: id(side), grant_type: 'authorization_code', code: await side.code('public'), redirect_uri: CALLBACK,
    code_verifier: VERIFIER,
  })],
  ['refresh', 'token', async (side) => ({
    client_id: id(side), grant_type: 'refresh_token', refresh_token: (await side.tokens()).refresh_token, scope: 'openid',
  })],
  ['service', 'token', () => ({ grant_type: 'client_credentials', scope: 'read:content' }), 'service'],
  ['device code', 'token', async (side) => ({ client_id: id(side), grant_type: DEVICE, device_code: await side.device() })],
  ['device', 'device', (side) => ({ client_id: id(side), scope: 'read:content' })],
  ['pushed', 'par', (side) => ({ ...authorization(side.clients.secret.id), nonce: 'n' }), 'secret'],
  ['introspection', 'introspect', async (side) => ({
    token: (await side.tokens('secret')).access_token, token_type_hint: 'access_token',
  }), 'secret'],
  ['revocation', 'revoke', async (side) => ({
    client_id: id(side), token: (await side.tokens()).refresh_token, token_type_hint: 'refresh_token',
  })],
  ['authorization', 'authorize', (side) => ({ ...authorization(id(side)), nonce: 'n', prompt: 'login', max_age: '60' })],
];

const CHANGES = [
  ['without', (pairs, at) => pairs.splice(at, 1)],
  ['with an empty', (pairs, at) => (pairs[at][1] = '')],
  ['with a blank', (pairs, at) => (pairs[at][1] = ' ')],
  ['with two', (pairs, at) => pairs.push([...pairs[at]])],
  ['with another', (pairs, at) => (pairs[at][1] = 'nonsense')],
  ['with a longer', (pairs, at) => (pairs[at][1] += 'x')],
  ['with a long', (pairs, at) => (pairs[at][1] = 'a'.repeat(5000))],
];

// Ways in which a client can fail to say who it is.
const BAD_CLIENTS = [
  ['no client', () => ({})],
  ['a wrong secret', (side) => ({ authorization: basic(side.clients.secret.id, 'wrong') })],
  ['an unknown client', () => ({ authorization: basic('nobody', 'secret') })],
  ['no secret', (side) => ({ authorization: basic(side.clients.secret.id, '') })],
  ['no colon', () => ({ authorization: `Basic ${Buffer.from('nobody').toString('base64')}` })],
  ['no base64', () => ({ authorization: 'Basic !!!' })],
  ['another scheme', () => ({ authorization: 'Digest x' })],
  ['a bearer token', () => ({ authorization: 'Bearer x' })],
];

const BAD_TOKENS = [
  ['none', undefined], ['no scheme', 'x'], ['an empty one', 'Bearer '], ['nonsense', 'Bearer nonsense'],
  ['basic', 'Basic eDp5'], ['two words', 'Bearer a b'], ['a proof’s scheme', 'DPoP nonsense'], ['lower case', 'bearer nonsense'],
];

function basic(user, secret) {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };

// Every case: { name, endpoint, make(side) → [method, query, headers, body] }.
export function* cases() {
  for (const [what, endpoint, base, client] of BASES) {
    const request = async (side, change) => {
      const pairs = Object.entries(await base(side));
      change?.(pairs);
      return new URLSearchParams(pairs).toString();
    };
    const known = (side) => (client ? side.basic(client) : {});
    const send = (body, headers) => endpoint === 'authorize' ? ['GET', `?${body}`, {}] : ['POST', '', { ...form, ...headers }, body];
    const simple = (name, change) => ({
      name: `${what} ${name}`, endpoint, make: async (side) => send(await request(side, change), known(side)),
    });
    yield simple('in order');
    yield simple('with a parameter nobody knows', (pairs) => pairs.push(['colour', 'blue']));
    yield simple('with a resource nobody knows', (pairs) => pairs.push(['resource', 'https://nobody.example/']));
    yield simple('with a resource with a fragment', (pairs) => pairs.push(['resource', 'https://nobody.example/#x']));
    for (const name of NAMES[what]) {
      for (const [how, change] of CHANGES) {
        yield simple(`${how} ${name}`, (pairs) => change(pairs, pairs.findIndex(([known]) => known === name)));
      }
    }
    if (endpoint === 'authorize') continue;
    const raw = (name, make) => ({ name: `${what} ${name}`, endpoint, make });
    yield raw('as JSON', async (side) => {
      const fields = Object.fromEntries(new URLSearchParams(await request(side)));
      return ['POST', '', { ...known(side), 'content-type': 'application/json' }, JSON.stringify(fields)];
    });
    yield raw('in the query', async (side) => ['POST', `?${await request(side)}`, { ...form, ...known(side) }, '']);
    yield raw('with GET', async (side) => ['GET', `?${await request(side)}`, known(side)]);
    yield raw('with a proof that is none', async (side) => send(await request(side), { ...known(side), dpop: 'nonsense' }));
  }
  yield {
    name: 'introspection of another client’s token', endpoint: 'introspect', make: async (side) => {
      const { access_token: token } = await side.tokens('public');
      return ['POST', '', { ...form, ...side.basic('secret') }, new URLSearchParams({ token }).toString()];
    },
  };
  for (const [endpoint, fields] of [
    ['token', { grant_type: 'refresh_token', refresh_token: 'x' }], ['par', authorization('x')], ['device', {}],
    ['introspect', { token: 'x' }], ['revoke', { token: 'x' }],
  ]) {
    for (const [name, headers] of BAD_CLIENTS) {
      const { client_id: _, ...rest } = fields;
      const make = (side) => ['POST', '', { ...form, ...headers(side) }, new URLSearchParams(rest).toString()];
      yield { name: `${endpoint} by ${name}`, endpoint, make };
    }
  }
  for (const [name, authorization] of BAD_TOKENS) {
    for (const method of ['GET', 'POST']) {
      const headers = authorization === undefined ? {} : { authorization };
      yield { name: `userinfo with ${method}, token: ${name}`, endpoint: 'userinfo', make: () => [method, '', headers] };
    }
  }
}

const AUTHORIZATION = ['client_id', 'response_type', 'redirect_uri', 'scope', 'state', 'code_challenge', 'code_challenge_method'];
const NAMES = {
  code: ['client_id', 'grant_type', 'code', 'redirect_uri', 'code_verifier'],
  refresh: ['client_id', 'grant_type', 'refresh_token', 'scope'],
  service: ['grant_type', 'scope'],
  'device code': ['client_id', 'grant_type', 'device_code'],
  device: ['client_id', 'scope'],
  pushed: [...AUTHORIZATION, 'nonce'],
  introspection: ['token', 'token_type_hint'],
  revocation: ['client_id', 'token', 'token_type_hint'],
  authorization: [...AUTHORIZATION, 'nonce', 'prompt', 'max_age'],
};
