// A partner's site, the provider's site and Chromium between them, over the DevTools protocol's pipe: no dependencies.
// Usage: node browser.mjs SETTING, a JSON object. Prints what the sign-ups came to, as JSON.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";

const setting = JSON.parse(process.argv[2]);
const { link, graphql, service, providerPort, partnerPort, chromium, profile } = setting;
const provider = `http://www.provider.localhost:${providerPort}`;
const partner = `http://blog.partner.localhost:${partnerPort}`;

// The partner's pages: an honest link, and the link forced on whoever comes by.
const pages = {
  "/link": `<a id="go" href="${link}" style="display:block;width:300px;height:100px">Calls for less</a>`,
  "/frame": `<iframe src="${link}" style="display:none"></iframe>`,
  "/image": `<img src="${link}" width="1" height="1">`,
  "/script": `<script>setTimeout(() => { location.href = ${JSON.stringify(link)}; }, 50)</script>`,
};
const outcomes = {};

// The provider's site: its sign-up reports the account with the cookie that the redirect left.
async function site(request, response) {
  const url = new URL(request.url, provider);
  response.setHeader("content-type", "text/html");
  if (url.pathname !== "/sign-up") {
    response.end(`<title>provider</title><form method="post" action="/sign-up?${url.searchParams}">
      <button id="go" style="width:300px;height:100px">Sign up</button></form>`);
    return;
  }
  const cookies = (request.headers.cookie ?? "").split("; ").map((cookie) => cookie.split("="));
  const token = cookies.find(([name]) => name === "parrain_visitor")?.[1];
  const client = { clientId: url.searchParams.get("account"), registeredAt: new Date().toISOString(), visitorToken: token };
  const query = `mutation($input: RegisterClientsInput!) { registerClients(input: $input) { results { outcome } } }`;
  const answer = await fetch(graphql, {
    method: "POST",
    headers: { authorization: `Bearer ${service}`, "content-type": "application/json" },
    body: JSON.stringify({ query, variables: { input: { clients: [client] } } }),
  });
  outcomes[client.clientId] = (await answer.json()).data.registerClients.results[0].outcome;
  response.end("<title>signed-up</title>");
}

const partnerSite = createServer((request, response) => {
  response.setHeader("content-type", "text/html");
  response.end(`<title>partner</title>${pages[request.url] ?? ""}`);
}).listen(partnerPort, "127.0.0.1");
const providerSite = createServer(site).listen(providerPort, "127.0.0.1");
await Promise.all([once(partnerSite, "listening"), once(providerSite, "listening")]);

const browser = spawn(chromium, [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
  "--disable-background-networking", "--remote-debugging-pipe", `--user-data-dir=${profile}`,
  // A headless one calls itself so, and is a bot.
  "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });

let last = 0;
const waiting = new Map();
let unread = "";
browser.stdio[4].setEncoding("utf8").on("data", (data) => {
  unread += data;
  for (let end; (end = unread.indexOf("\0")) >= 0; unread = unread.slice(end + 1)) {
    const message = JSON.parse(unread.slice(0, end));
    const [done, fail] = waiting.get(message.id) ?? [];
    waiting.delete(message.id);
    message.error ? fail?.(new Error(message.error.message)) : done?.(message.result);
  }
});

function send(method, params = {}, sessionId = undefined) {
  last += 1;
  const id = last;
  const answered = new Promise((done, fail) => waiting.set(id, [done, fail]));
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return answered;
}

/** A visitor with a browser of his own: no cookies of anybody else. */
async function visitor() {
  const { browserContextId } = await send("Target.createBrowserContext");
  const { targetId } = await send("Target.createTarget", { url: "about:blank", browserContextId });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const tab = (method, params) => send(method, params, sessionId);
  const evaluate = async (expression) =>
    (await tab("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true })).result.value;
  const until = async (what) => {
    for (let tries = 0; tries < 600; tries += 1) {
      const holds = await evaluate(what).catch(() => false);
      if (holds) return;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`waited in vain: ${what}, at ${await evaluate("location.href")}`);
  };
  return {
    until,
    async open(url, title) {
      await tab("Page.navigate", { url });
      await until(`document.title === ${JSON.stringify(title)} && document.readyState === "complete"`);
    },
    /** As a person clicks: the browser takes it for his own doing. */
    async click() {
      const mouse = { x: 50, y: 50, button: "left", clickCount: 1 };
      await tab("Input.dispatchMouseEvent", { type: "mousePressed", ...mouse });
      await tab("Input.dispatchMouseEvent", { type: "mouseReleased", ...mouse });
    },
    async signUp(account) {
      await this.open(`${provider}/?account=${account}`, "provider");
      await this.click();
      await until(`document.title === "signed-up"`);
    },
  };
}

try {
  for (const [how, account] of [["frame", "framed"], ["image", "shown"], ["script", "sent"], ["link", "clicked"]]) {
    const somebody = await visitor();
    if (how === "script") {
      await somebody.open(`${partner}/script`, "provider");
    } else {
      await somebody.open(`${partner}/${how}`, "partner");
    }
    if (how === "link") {
      await somebody.click();
      await somebody.until(`document.title === "provider" && location.pathname === "/welcome"`);
    }
    await somebody.signUp(account);
  }
  console.log(JSON.stringify(outcomes));
} finally {
  browser.kill();
  await once(browser, "exit").catch(() => {});
  partnerSite.close();
  providerSite.close();
}
process.exit(0);
