// A partner's site, the provider's site and Chromium between them.
// Usage: node browser.mjs SETTING, a JSON object. Prints what the sign-ups came to, as JSON.
import { createServer } from "node:http";
import { once } from "node:events";
import { chromium } from "../harness/chromium.mjs";

const setting = JSON.parse(process.argv[2]);
const { link, graphql, service, providerPort, partnerPort } = setting;
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

const browser = chromium(setting.chromium, setting.profile);

async function signUp(visitor, account) {
  await visitor.open(`${provider}/?account=${account}`, "provider");
  await visitor.click();
  await visitor.until(`document.title === "signed-up"`);
}

try {
  for (const [how, account] of [["frame", "framed"], ["image", "shown"], ["script", "sent"], ["link", "clicked"]]) {
    const somebody = await browser.visitor();
    if (how === "script") {
      await somebody.open(`${partner}/script`, "provider");
    } else {
      await somebody.open(`${partner}/${how}`, "partner");
    }
    if (how === "link") {
      await somebody.click();
      await somebody.until(`document.title === "provider" && location.pathname === "/welcome"`);
    }
    await signUp(somebody, account);
  }
  console.log(JSON.stringify(outcomes));
} finally {
  await browser.close();
  partnerSite.close();
  providerSite.close();
}
process.exit(0);
