// Receives webhooks and believes those alone that are signed: with npm standardwebhooks.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Webhook } from 'standardwebhooks';

const api = process.env.SERVER_URL + '/graphql';

async function ask(token, query, input) {
  const answer = await fetch(api, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined);
  return data;
}

const seen = new Set();
const received = [];
let webhook;

// The receiver: answers at once, 400 to what is not signed, and keeps each message once, since one may come again.
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  try {
    const event = webhook.verify(body, request.headers);
    const id = request.headers['webhook-id'];
    if (!seen.has(id)) received.push({ id, event });
    seen.add(id);
    response.writeHead(204).end();
    receiver.emit('event');
  } catch {
    response.writeHead(400).end();
  }
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');
const url = `http://127.0.0.1:${receiver.address().port}/hooks`;

async function next() {
  while (received.length === 0) await once(receiver, 'event', { signal: AbortSignal.timeout(60_000) });
  return received.shift();
}

const made = await ask(
  process.env.PARTNER_TOKEN,
  'mutation($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { webhookEndpoint { id } secret userErrors { message } } }',
  { url, events: ['TICKET_CHANGED'] },
);
const { webhookEndpoint, secret } = made.createWebhookEndpoint;
webhook = new Webhook(secret);

const forged = await fetch(url, { method: 'POST', headers: { 'webhook-id': 'x', 'webhook-timestamp': '1', 'webhook-signature': 'v1,x' }, body: '{}' });
assert.equal(forged.status, 400);

const opened = await ask(
  process.env.PARTNER_TOKEN,
  'mutation($input: OpenTicketInput!) { openTicket(input: $input) { ticket { id } } }',
  { kind: 'QUESTION', subject: 'Why', text: 'Why?' },
);
const first = await next();
assert.equal(first.event.type, 'TICKET_CHANGED');
assert.equal(first.event.data.__typename, 'Ticket');
assert.equal(first.event.data.id, opened.openTicket.ticket.id);

// After a rotation the secret before still holds for a day.
await ask(
  process.env.PARTNER_TOKEN,
  'mutation($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { userErrors { code } } }',
  { id: webhookEndpoint.id },
);
await ask(
  process.env.PARTNER_TOKEN,
  'mutation($input: SendTestWebhookInput!) { sendTestWebhook(input: $input) { userErrors { code } } }',
  { id: webhookEndpoint.id },
);
const test = await next();
assert.equal(test.event.type, 'TEST');
assert.notEqual(test.id, first.id);
receiver.close();
receiver.closeAllConnections();
