"use strict";
// Follows server-sent events. Our servers send one at least every two seconds. A device that loses its power
// or its network ends no connection: it is silent.
const SILENT_MS = 10000, RETRY_MS = 2000, ANSWER_MS = 60000; // how long an answer may take

function within(milliseconds) { // AbortSignal.timeout, which older browsers lack
  const limit = new AbortController();
  setTimeout(() => limit.abort(), milliseconds);
  return limit.signal;
}

function followEvents(address, asked, { opened, came, lost }) {
  const source = new EventSource(address);
  let heard = performance.now();
  const watch = setInterval(() => { if (performance.now() - heard > SILENT_MS) end(); }, 1000);
  const end = () => {
    clearInterval(watch);
    source.close();
    lost();
    setTimeout(again, RETRY_MS);
  };
  const again = async () => {
    const answer = await fetch(asked, { signal: within(SILENT_MS) }).catch(() => null);
    if (answer && answer.status === 401) location.reload(); // the session has ended
    else followEvents(address, asked, { opened, came, lost });
  };
  source.onopen = () => { heard = performance.now(); opened(); };
  source.onmessage = (message) => { heard = performance.now(); came(JSON.parse(message.data)); };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) end();
    else lost();
  };
}
