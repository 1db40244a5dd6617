// Drives the live page in Firefox through WebDriver BiDi: node firefox.mjs PUPPETEER FIREFOX ADDRESS FILE WORDS TARGET
// WORDS: JSON, word -> files of its photos. TARGET: where the words that the page saves go.
// Prints what a visitor would read as JSON.

import { writeFileSync } from "node:fs";

const [, , puppeteer, executablePath, address, file, words, target] = process.argv;
const { default: driver } = await import(puppeteer);
const browser = await driver.launch({ browser: "firefox", executablePath, headless: true });
const read = (page, selector) => page.$eval(selector, (element) => element.innerText);
try {
  const page = await browser.newPage();
  const timeout = 120_000;
  await page.goto(address);
  await page.waitForSelector("html[data-ready]", { timeout });
  const stored = await read(page, "#answers tr");
  await page.waitForSelector("html[data-whole]", { timeout });
  await page.click("#load");
  await page.waitForSelector("#fetch.done", { timeout });
  await (await page.$("#file")).uploadFile(file);
  for (const end = Date.now() + timeout; Date.now() < end; ) {
    if ((await read(page, "#time")).includes("Computed")) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const rows = await page.$$eval("#answers tr", (all) => all.map((row) => row.innerText));
  const seen = { stored, rows, time: await read(page, "#time"), map: await read(page, "#map .words") };

  for (const [number, [name, files]] of Object.entries(JSON.parse(words)).entries()) {
    const word = (await page.$$(".word"))[number];
    const input = await word.$("input[type=text]");
    await input.evaluate((element) => (element.value = ""));
    await input.type(name);
    await (await word.$("input[type=file]")).uploadFile(...files);
    await page.waitForFunction((n, k) => document.querySelectorAll(".word")[n].querySelectorAll(".scenes img").length === k, { timeout }, number, files.length);
  }
  await page.click(".train");
  await page.waitForFunction(() => !document.querySelector(".result").hidden, { timeout });
  seen.rights = await page.$$eval(".exam-rows .number", (all) => all.map((cell) => cell.innerText));
  seen.maps = await page.$$eval(".maps canvas", (all) => all.length);
  await page.evaluate(() => {
    const given = URL.createObjectURL;
    URL.createObjectURL = (blob) => given.call(URL, (window.kept = blob));
  });
  await page.click(".save");
  await page.waitForFunction(() => window.kept, { timeout });
  const bytes = await page.evaluate(async () => [...new Uint8Array(await window.kept.arrayBuffer())]);
  writeFileSync(target, Uint8Array.from(bytes));
  await (await page.$(".pick-words")).uploadFile(target);
  await page.waitForFunction(() => document.querySelector("#message").innerText.includes("Opened from the file"), { timeout });
  seen.opened = await read(page, "#message");
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
