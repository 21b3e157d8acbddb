/**
 * Measured tiles that the product ships, by adapter, driver and class of shapes: `toJSON` of a tuner that ran on that
 * adapter. None has been measured yet.
 */
export const SEED: Readonly<Record<string, string>> = {};
