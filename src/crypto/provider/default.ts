import type { CryptoProvider } from './provider.js';
import { webProvider } from './web.js';

/** The provider of this platform; package.json's `imports` picks this file or its Node twin. */
export const defaultProvider: CryptoProvider = webProvider;
