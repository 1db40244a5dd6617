// The service worker: with a network the page comes from there, without one from what was kept.

const STORE = "pocket-page";

addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const files = await (await fetch("page.json")).json();
      await (await caches.open(STORE)).addAll(["./", "page.json", ...files]);
      await skipWaiting();
    })(),
  );
});

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || new URL(event.request.url).pathname.includes("/network/")) return;
  event.respondWith(
    (async () => {
      try {
        const response = await fetch(event.request);
        if (response.ok) (await caches.open(STORE)).put(event.request, response.clone());
        return response;
      } catch (error) {
        const kept = await caches.match(event.request, { ignoreSearch: true });
        if (kept) return kept;
        throw error;
      }
    })(),
  );
});
