import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FluentBundle, FluentResource } from '@fluent/bundle';
import { describe, expect, it } from 'vitest';

const here = new URL('.', import.meta.url).pathname;
const ids = (name: string) => {
  const bundle = new FluentBundle('en');
  const errors = bundle.addResource(new FluentResource(readFileSync(join(here, name), 'utf8')));
  expect(errors).toEqual([]);
  return new Set([...readFileSync(join(here, name), 'utf8').matchAll(/^([a-zA-Z][\w-]*) =/gm)].map((match) => match[1]!));
};
const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(join(folder, entry.name)) : /\.(svelte|ts)$/.test(entry.name) && !/test/.test(entry.name) ? [readFileSync(join(folder, entry.name), 'utf8')] : [],
  );

describe('the words', () => {
  it('exist for every id that is used', () => {
    const known = ids('en.ftl');
    const used = sources(join(here, '..')).flatMap((text) => [...text.matchAll(/\bt\('([\w-]+)'/g)].map((match) => match[1]!));
    expect(used.length).toBeGreaterThan(50);
    expect(used.filter((id) => !known.has(id))).toEqual([]);
  });

  it('exist in Arabic for everything that is said in English', () => {
    const spoken = ids('ar.ftl');
    const silent = [...ids('en.ftl')].filter((id) => !spoken.has(id) && !/^locale-/.test(id));
    expect(silent).toEqual([]);
  });
});
