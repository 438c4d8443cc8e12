// For readers who have run code: what they saw opens again at once, and without a network.
//
// Files whose names change with their content are taken from the cache. Everything else is asked
// for anew, so that a renewed site is seen at once; the cache helps out where no answer comes.
/* global NAMES */ // of this build's files that change their names: booktools/live.py

const CACHE = "pages";
const names = new Set(NAMES);
const stamped = (address) => /\/live\/|-[A-Z0-9]{8}\.\w+$/.test(new URL(address).pathname);
const nameOf = (address) => new URL(address).pathname.split("/").pop();

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOthers().then(() => self.clients.claim()));
});

// Files of earlier builds, and pages that need such files.
async function dropOthers() {
  const cache = await caches.open(CACHE);
  for (const request of await cache.keys()) {
    let current = !stamped(request.url) || names.has(nameOf(request.url));
    if (/\.html$|\/$/.test(new URL(request.url).pathname)) {
      const text = await (await cache.match(request)).text();
      current = (text.match(/[\w.]+-[A-Z0-9]{8}\.\w+/g) || []).every((name) => names.has(name));
    }
    if (!current) await cache.delete(request);
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { scope } = self.registration;
  const ours = request.url.startsWith(scope) && !request.url.startsWith(`${scope}lite/`);
  if (request.method !== "GET" || !ours || request.headers.has("range")) return;
  event.respondWith(stamped(request.url) ? kept(event) : fresh(event));
});

async function kept(event) {
  const cache = await caches.open(CACHE);
  return (await cache.match(event.request.url)) || fetchAndKeep(cache, event);
}

async function fresh(event) {
  const cache = await caches.open(CACHE);
  try {
    return await fetchAndKeep(cache, event);
  } catch (error) {
    const found = await cache.match(event.request.url, { ignoreSearch: true });
    if (found) return found;
    throw error;
  }
}

async function fetchAndKeep(cache, event) {
  const answer = await fetch(event.request);
  if (answer.status === 200 && !answer.redirected) {
    event.waitUntil(cache.put(event.request.url, answer.clone()));
  }
  return answer;
}

// What a page had loaded before it was looked after.
self.addEventListener("message", (event) => {
  event.waitUntil(
    caches.open(CACHE).then(async (cache) => {
      for (const address of event.data) {
        if (!(await cache.match(address))) await cache.add(address).catch(() => {});
      }
    }),
  );
});
