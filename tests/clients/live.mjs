// graphql-sse and graphql-ws: what happens is told, and what happened while the connection was cut is told after it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';
import { authorization, url } from './setting.mjs';

const server = new URL(url);
const query = 'subscription { partnerEvents(types: [TICKET_CHANGED]) { type subject { __typename id } } }';
const soon = () => new Promise((done) => setTimeout(done, 20));

async function ask(query, variables) {
  const headers = { ...authorization, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return (await answer.json()).data;
}

async function openTicket() {
  const { openTicket } = await ask('mutation { openTicket(input: { kind: QUESTION, subject: "Why", text: "Why?" }) { ticket { id } } }');
  return openTicket.ticket.id;
}

/** Reads the feed to its end: from there on one listens. */
async function now() {
  for (let after = null; ; ) {
    const { viewer: { changes } } = await ask('query($after: String) { viewer { changes(watermark: $after) { watermark complete } } }', { after });
    if (changes.complete) return changes.watermark;
    after = changes.watermark;
  }
}

// Between a client and the server: it cuts what goes through, and lets nothing through while it is shut.
const open = new Set();
let isShut = false;
const between = createServer((client) => {
  if (isShut) return client.destroy();
  const far = connect(server.port, server.hostname);
  client.pipe(far).pipe(client);
  for (const end of [client, far]) {
    open.add(end);
    end.on('error', () => {}).on('close', () => { open.delete(end); client.destroy(); far.destroy(); });
  }
}).listen(0, '127.0.0.1');
await once(between, 'listening');
const through = `127.0.0.1:${between.address().port}/graphql`;

/** Follows by `subscribe`, cuts the connection in the middle, and expects each ticket once and in order. */
async function missesNothing(subscribe) {
  const told = [];
  let lastEventId = await now();
  const stop = subscribe({
    lastEventId: () => lastEventId,
    next: ({ data, errors, extensions }) => {
      assert.equal(errors, undefined);
      assert.equal(data.partnerEvents.type, 'TICKET_CHANGED');
      lastEventId = extensions.eventId;
      told.push(data.partnerEvents.subject.id);
    },
  });
  const opened = [];
  const catchUp = async () => { while (told.length < opened.length) await soon(); };
  for (const cut of [false, true, false]) {
    isShut = cut;
    if (cut) open.forEach((end) => end.destroy());
    for (let n = 0; n < 3; n += 1) opened.push(await openTicket());
    isShut = false;
    await catchUp();
  }
  assert.deepEqual(told, opened);
  await stop();
}

const patience = { retryAttempts: 1000, retry: soon };

// The client has no place for the id of an event: it goes with the next request as a header.
await missesNothing(({ lastEventId, next }) => {
  const client = createSseClient({
    url: `http://${through}`, ...patience,
    headers: () => ({ ...authorization, 'last-event-id': lastEventId() }),
  });
  client.subscribe({ query }, { next, error: (error) => { throw error; }, complete: () => {} });
  return () => client.dispose();
});

// Each time a socket is connected the operation is sent again: with where to go on.
await missesNothing(({ lastEventId, next }) => {
  const client = createWsClient({
    url: `ws://${through}`, webSocketImpl: WebSocket, connectionParams: authorization,
    retryAttempts: 1000, retryWait: soon, shouldRetry: () => true,
  });
  const request = { query, get extensions() { return { lastEventId: lastEventId() }; } };
  client.subscribe(request, { next, error: (error) => { throw error; }, complete: () => {} });
  return () => client.dispose();
});

// What is refused, over either.
const sse = createSseClient({ url, headers: authorization, retryAttempts: 0 });
const refused = sse.iterate({ query: 'subscription { settlementProgress { status } }' });
assert.equal((await refused.next()).value.errors[0].extensions.code, 'FORBIDDEN');
const stranger = createSseClient({ url, headers: { authorization: 'Bearer nonsense' }, retryAttempts: 0 });
await assert.rejects(stranger.iterate({ query }).next(), /401/);
const ws = createWsClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: authorization, retryAttempts: 0, lazyCloseTimeout: 60_000 });
const viewer = await ws.iterate({ query: '{ viewer { accountId } }' }).next();
assert.equal(viewer.value.data.viewer.accountId, 'acct-1');
const denied = await ws.iterate({ query: 'subscription { settlementProgress { status } }' }).next().catch((errors) => errors);
assert.equal(denied[0].extensions.code, 'FORBIDDEN');
await ws.dispose();
const intruder = createWsClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: { authorization: 'Bearer nonsense' }, retryAttempts: 0 });
const closed = await intruder.iterate({ query }).next().catch((event) => event);
assert.equal(closed.code, 4403);

sse.dispose();
stranger.dispose();
between.close();
