import { describe, expect, it } from 'vitest';
import { locale } from '../../scripts/locales';

describe('the pages that the server writes', () => {
  it.each([
    ['en', 'ko', 'Korean'], ['ar', 'ko', 'الكورية'],
    // Of three letters: read from the catalogue's own table.
    ['en', 'yue', 'Cantonese'],
    ['en', 'French', undefined],
  ])('name a language by its tag: in %s, %s', async (tag, code, name) => expect((await locale(tag)).languages[code]).toBe(name));
});
