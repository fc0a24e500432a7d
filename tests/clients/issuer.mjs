// An identity provider made with jose: its keys, their rotation and an outage, and tokens that it never issued.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import * as jose from 'jose';

const url = process.env.SERVER_URL + '/graphql';
const issuer = 'https://id.example.com/';
const audience = 'parrain';

async function key(kid, alg) {
  const pair = await jose.generateKeyPair(alg, { extractable: true });
  return { kid, alg, ...pair, jwk: { ...await jose.exportJWK(pair.publicKey), kid, alg, use: 'sig' } };
}

const [rsa, point, edwards, stranger, next] = await Promise.all([
  key('rsa', 'RS256'), key('point', 'ES256'), key('edwards', 'EdDSA'), key('rsa', 'RS256'), key('next', 'ES256'),
]);
const short = generateKeyPairSync('rsa', { modulusLength: 1024 });
const shortJwk = { ...short.publicKey.export({ format: 'jwk' }), kid: 'short', alg: 'RS256', use: 'sig' };

// The provider itself: what it publishes, and how often it was asked.
let published = [rsa.jwk, point.jwk, edwards.jwk, shortJwk];
let asked = 0;
let server;
async function open() {
  server = createServer((_, response) => {
    asked += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
  });
  server.listen(Number(process.env.ISSUER_PORT), '127.0.0.1');
  await once(server, 'listening');
}
async function shut() {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

const now = () => Math.floor(Date.now() / 1000);
const claims = (changed = {}) => ({ sub: 'acct-1', iss: issuer, aud: audience, iat: now(), exp: now() + 600, ...changed });
const token = ({ kid, alg, privateKey }, changed, header = {}) =>
  new jose.SignJWT(claims(changed)).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const without = (name) => Object.fromEntries(Object.entries(claims()).filter(([key]) => key !== name));

async function ask(bearer, query = '{ viewer { accountId } }') {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: await answer.json() };
}
async function believed(bearer, accountId = 'acct-1') {
  const { status, body } = await ask(bearer);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(body.data, { viewer: { accountId } });
}
async function refused(name, bearer) {
  for (const query of ['{ viewer { accountId } }', '{ programme { name } }']) {
    const { status, challenge, body } = await ask(bearer, query);
    assert.equal(status, 401, name);
    assert.match(challenge ?? '', /^Bearer/, name);
    assert.equal(body.errors[0].extensions.code, 'UNAUTHENTICATED', name);
    assert.ok(!('data' in body), name);
  }
}

await open();
for (const pair of [rsa, point, edwards]) await believed(await token(pair));
await believed(await token(rsa, { sub: 'acct-2', role: 'partner' }), 'acct-2');
const staff = await ask(await token(point, { sub: 'jo', role: 'staff' }), '{ partners(first: 5) { totalCount } }');
assert.deepEqual(staff.body.data, { partners: { totalCount: 2 } });
const service = await ask(await token(point, { sub: 'billing', role: 'service', scope: 'visits' }), 'mutation { recordTopUps(input: { topUps: [] }) { results { outcome } } }');
assert.equal(service.body.errors[0].extensions.code, 'FORBIDDEN', 'a scope narrows');
assert.equal(asked, 1, 'the keys were fetched once');

const pem = await jose.exportSPKI(rsa.publicKey);
const good = await token(rsa);
const [head, body, signature] = good.split('.');
const shortMessage = `${part({ alg: 'RS256', kid: 'short' })}.${part(claims())}`;
const hmac = (secret) => new jose.SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'rsa' }).sign(new TextEncoder().encode(secret));
const raw = async (payload) => {
  const message = `${part({ alg: 'RS256', kid: 'rsa' })}.${part(payload)}`;
  const signed = sign('sha256', Buffer.from(message), rsa.privateKey);
  return `${message}.${signed.toString('base64url')}`;
};
for (const [name, bearer] of Object.entries({
  'no signature': `${part({ alg: 'none' })}.${part(claims())}.`,
  'none, in other letters': `${part({ alg: 'NonE', kid: 'rsa' })}.${part(claims())}.${signature}`,
  'HS256 with the public key as PEM': await hmac(pem),
  'HS256 with the public key as JWK': await hmac(JSON.stringify(rsa.jwk)),
  'HS256 with the modulus': await hmac(rsa.jwk.n),
  'exp as a string': await raw(claims({ exp: String(now() + 600) })),
  'no exp': await raw(without('exp')),
  'expired': await token(rsa, { exp: now() - 120 }),
  'not valid yet': await token(rsa, { nbf: now() + 120 }),
  'another issuer': await token(rsa, { iss: 'https://evil.example/' }),
  'no issuer': await raw(without('iss')),
  'another audience': await token(rsa, { aud: 'another' }),
  'no audience': await raw(without('aud')),
  'no subject': await raw(without('sub')),
  'a subject that is no account id': await token(rsa, { sub: 'a b' }),
  'an unknown role': await token(rsa, { role: 'admin' }),
  'RSA of 1024 bits': `${shortMessage}.${sign('sha256', Buffer.from(shortMessage), short.privateKey).toString('base64url')}`,
  'more than 8 KiB': await token(rsa, { padding: 'x'.repeat(8192) }),
  'RS512': await new jose.SignJWT(claims()).setProtectedHeader({ alg: 'RS512', kid: 'rsa' })
    .sign(await jose.importPKCS8(await jose.exportPKCS8(rsa.privateKey), 'RS512')),
  'another key under a known name': await token(stranger),
  'an unknown key': await token(next),
  'the key in the header': await token({ ...stranger, kid: 'own' }, {}, { jwk: stranger.jwk }),
  'an address of keys in the header': await token({ ...stranger, kid: 'own' }, {}, { jku: 'http://127.0.0.1:1/jwks' }),
  'crit': `${part({ alg: 'RS256', kid: 'rsa', crit: ['x'], x: 1 })}.${body}.${signature}`,
  'another body': `${head}.${part(claims({ sub: 'acct-2' }))}.${signature}`,
  'a part too many': `${good}.x`,
  'no token at all': 'x',
  'an encrypted one': await new jose.EncryptJWT(claims()).setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'rsa' })
    .encrypt(await jose.importSPKI(pem, 'RSA-OAEP-256')),
})) await refused(name, bearer);
assert.equal(asked, 1, 'for an unknown key they are fetched once a minute');

// The provider is gone: the keys in hand go on. It comes back with a new key, and one less.
await shut();
for (const pair of [rsa, point, edwards]) await believed(await token(pair));
published = [point.jwk, next.jwk];
await open();
await refused('a new key, within the minute', await token(next));
assert.equal(asked, 1);
const until = Date.now() + 90_000;
while ((await ask(await token(next))).status !== 200) {
  assert.ok(Date.now() < until, 'the new key is never known');
  await sleep(500);
}
assert.equal(asked, 2);
await believed(await token(point));
await refused('a key that was withdrawn', good);
assert.equal(asked, 2);
await shut();
