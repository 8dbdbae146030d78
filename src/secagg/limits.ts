/** Bounds that decoders enforce before they allocate; so that no message can claim much memory. */
export const limits: {
  readonly [name in
    | 'clients'
    | 'vectorLength'
    | 'applicationSeeds'
    | 'taskName'
    | 'plan'
    | 'modelReference'
    | 'chunk']: number;
} = {
  /** Clients in one session. */
  clients: 2 ** 20,
  /** Values in one vector. */
  vectorLength: 2 ** 28,
  /** Seeds that a client shares beside its two mask seeds. */
  applicationSeeds: 16,
  /** Bytes of a task's name in UTF-8. */
  taskName: 255,
  /** Bytes of a plan. */
  plan: 65_535,
  /** Bytes of a reference to a model. */
  modelReference: 1024,
  /** Packed bytes in one input message. */
  chunk: 65_536,
};

/** Bytes of every seed and of its seed share. */
export const seedLength = 32;
