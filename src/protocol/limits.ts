/** Engines of one cluster: so many fit into a roster message, and into the descriptors of a process. */
export const MAX_ENGINES = 1024;
