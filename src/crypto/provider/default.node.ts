import type { CryptoProvider } from './provider.js';
import { nodeProvider } from './provider.node.js';

/** The provider of this platform; package.json's `imports` picks this file or its browser twin. */
export const defaultProvider: CryptoProvider = nodeProvider;
