// Imported first: Node and the system act on these signals until somebody listens.
import process from 'node:process';

/**
 * SIGUSR1 would open Node's inspector, by which every user of this machine could run code here. SIGUSR2 and SIGHUP would
 * end the engine. User code may listen to them, too; to SIGUSR1 only where Node does not know --disable-sigusr1.
 */
const HARMLESS = ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const;

for (const signal of HARMLESS) process.on(signal, () => {});
