// Browsers in the POSIX locale name a language that is none (en-US@posix), and uPlot would not load.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
}
