// Drives the live page in Firefox through WebDriver BiDi: node firefox.mjs PUPPETEER FIREFOX ADDRESS FILE
// Prints what a visitor would read as JSON.

const [, , puppeteer, executablePath, address, file] = process.argv;
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
  console.log(
    JSON.stringify({ stored, rows, time: await read(page, "#time"), map: await read(page, "#map .words") }),
  );
} finally {
  await browser.close();
}
