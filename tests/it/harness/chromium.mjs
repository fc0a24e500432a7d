// Chromium over the DevTools protocol's pipe: no dependencies.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Starts it with a profile of its own. */
export function chromium(program, profile) {
  const browser = spawn(program, [
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

  return {
    /** A visitor with a browser of his own: no cookies of anybody else. */
    async visitor() {
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
        evaluate,
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
      };
    },
    async close() {
      browser.kill();
      await once(browser, "exit").catch(() => {});
    },
  };
}
