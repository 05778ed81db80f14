// Why we answer otherwise: the first row whose patterns fit the request and both answers.
const TWICE = 'A parameter that is given twice is refused before anything is read (RFC 6749, section 3.1), so also where to answer is not believed.';
const LONG = '`state` and `nonce` have at most 1024 characters here: everything that is kept has a bound.';
const ROWS = [
  [/with GET$/, /^405/, /^(404|500)/, 'The endpoint is there and takes another method: 405 with `Allow`.'],
  [/(client_id|in the query| by .*)$/, /^401 invalid_client/, /^400 invalid_request/,
    'A client that does not say, or not in a known way, who it is has failed to authenticate: `invalid_client` (RFC 6749, section 5.2).'],
  [/^pushed .* client_id$/, /^granted/, /^400 invalid_request/,
    'The client has proved who it is in the header; its request is its own (RFC 9126, section 2.1).'],
  [/redirect_uri$/, /^(400 invalid_request|page 400)/, /^(granted|asks the person)/,
    'The address to answer at is always named (OAuth 2.1, section 4.1.1), also where only one is registered.'],
  [/(without|empty) code_verifier$/, /^400 invalid_request/, /^400 invalid_grant/, 'A parameter that must be there is missing.'],
  [/code_verifier$/, /^400 invalid_grant/, /^400 invalid_request/, 'It does not fit the challenge (RFC 7636, section 4.6), whatever its shape.'],
  [/with two /, /^page 400/, /^sends invalid_request/, TWICE],
  [/long (state|nonce)$/, /invalid_request/, /^(granted|asks the person)/, LONG],
  [/longer code_challenge$/, /invalid_request/, /^(granted|asks the person)/, 'No SHA-256 has so many digits: nothing could ever fit it (RFC 7636, section 4.2).'],
  [/scope$/, /invalid_scope/, /^(granted|asks the person)|invalid_request/,
    'A scope that is not known is refused, not left out: the client learns of its mistake (RFC 6749, section 3.3).'],
  [/(without|empty) scope$/, /^(granted|asks the person)/, /invalid_request/,
    'Without a scope the default is asked for, `read:content` (RFC 6749, section 3.3); not every request is for OpenID.'],
  [/blank prompt$/, /^asks the person/, /^sends invalid_request/, 'A prompt without a word in it is none.'],
  [/blank max_age$/, /invalid_request/, /^asks the person/, 'It is no number of seconds.'],
  [/^introspection /, /^inactive/, /^active/,
    'Another client’s token is none of its business (RFC 7662, section 4); clients that serve a resource may ask about all.'],
  [/^userinfo /, /^401 invalid_token/, /^400 invalid_request/,
    'Whatever is no token of ours is answered alike, with where to get one (RFC 9728).'],
];

export function why({ name }, ours, theirs) {
  return ROWS.find(([request, here, there]) => request.test(name) && here.test(ours) && there.test(theirs))?.[3];
}
