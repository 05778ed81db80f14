/** What a query can be read to ask for and the catalogue does not list. */

/** ISO 639-1: the languages that films are made in most. */
export const LANGUAGES = 'ar bg bn ca cs da de el en es et eu fa fi fr gl gu he hi hr hu id is it ja ka kn ko lt lv mk ml mr ms nb nl no pa pl pt ro ru sk sl sq sr sv sw ta te th tl tr uk ur vi yo zh zu'.split(' ');

/** The moods that the API reads. */
export { default as MOODS } from '../api/moods';
