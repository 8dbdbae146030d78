import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { trainStripes } from './tiny-training.js';

// A bundler would copy the files; here they are served from where they are installed.
setWasmPaths('/node_modules/@tensorflow/tfjs-backend-wasm/dist/');
Object.assign(window, { trainStripes });
