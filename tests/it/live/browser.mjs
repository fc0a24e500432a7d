// Serves the page of live events, opens it in Chromium and has something happen. Usage: node browser.mjs SETTING, a JSON
// object.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { chromium } from "../harness/chromium.mjs";

const { server, token, port, page, ...program } = JSON.parse(process.argv[2]);

const site = createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end(readFileSync(page));
}).listen(port, "127.0.0.1");
await once(site, "listening");

async function openTicket() {
  const query = 'mutation { openTicket(input: { kind: QUESTION, subject: "Why", text: "Why?" }) { ticket { id } } }';
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${server}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  return (await answer.json()).data.openTicket.ticket.id;
}

const browser = chromium(program.chromium, program.profile);
try {
  const visitor = await browser.visitor();
  await visitor.open(`http://127.0.0.1:${port}/#server=${server}&token=${token}`, "Live events");
  await visitor.until(`document.getElementById("state").textContent === "connected"`);
  const opened = [];
  for (let n = 0; n < 3; n += 1) {
    opened.push(await openTicket());
    await visitor.until(`document.querySelectorAll("li").length === ${opened.length}`);
  }
  const shown = await visitor.evaluate(`[...document.querySelectorAll("li")].map((item) => item.textContent)`);
  shown.forEach((text, n) => assert.match(text, new RegExp(`^TICKET_CHANGED 20\\S+Z Ticket ${opened[n]}$`)));
} finally {
  await browser.close();
  site.close();
}
process.exit(0);
