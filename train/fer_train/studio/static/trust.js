// The certificates of devices that somebody confirmed, by address, kept by this browser.
const key = (address) => `certificate ${address}`;

export const confirmed = (address) => localStorage.getItem(key(address)) || "";
export const remember = (address, fingerprint) => localStorage.setItem(key(address), fingerprint);
export const forget = (address) => localStorage.removeItem(key(address));
