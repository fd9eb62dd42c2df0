/** Plumbline over HTTP. */
export {};
