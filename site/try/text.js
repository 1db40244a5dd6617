// Numbers as the notebooks write them, and sentences for the visitor.

export class PageError extends Error {
  // Something went wrong that one plain sentence can explain; the message is that sentence.
  name = "PageError";
}

export function percent(p) {
  // A probability as people read it: 0.9301 is "93.0 %", 0.00004 is "< 0.1 %".
  if (!(p >= -1e-5 && p <= 1 + 1e-5)) throw new RangeError(`A probability lies between 0 and 1; this one is ${p}.`);
  if (p <= 0) return "0 %";
  if (p >= 1) return "100 %";
  if (p < 0.001) return "< 0.1 %";
  if (p > 0.999) return "> 99.9 %";
  // Python writes an exact half as the even digit, JavaScript as the higher one: 6.25 is 6.2 there, 6.3 here.
  const half = (400 * p) % 4 === 1 ? 0.05 : 0;
  return `${(100 * p - half).toFixed(1)} %`;
}

export function signed(value, digits = 2) {
  // A number with its sign: 1.234 is "+1.23", -0.5 is "−0.50".
  const text = Math.abs(value).toFixed(digits);
  return (Number(text) === 0 ? "" : value < 0 ? "−" : "+") + text;
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
