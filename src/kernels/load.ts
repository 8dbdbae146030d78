/**
 * Starts a WebAssembly kernel from its base64 text, or says that this platform can't.
 *
 * Kernels are instantiated synchronously, at the first use: they are small (Chromium's main thread refuses to compile
 * large modules synchronously), import nothing, and hold a small fixed memory of their own through which callers pass
 * blocks.
 */

/** Exports of an instantiated kernel; each kernel's own module gives them their types. */
export type KernelExports = Readonly<Record<string, WebAssembly.ExportValue>>;

/** (module (func (result v128) i32.const 0 i8x16.splat)): valid only where 128-bit SIMD is. */
const simdProbe = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00,
  0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b,
]);

let simd: boolean | undefined;

/** Whether WebAssembly with 128-bit SIMD may be used here. A page's content security policy can forbid it. */
export function hasSimd(): boolean {
  if (simd === undefined) {
    try {
      simd = typeof WebAssembly === 'object' && WebAssembly.validate(simdProbe);
    } catch {
      simd = false;
    }
  }
  return simd;
}

/**
 * Instantiates a kernel. Each call makes a new instance with a memory of its own, so two users never share scratch.
 *
 * @param base64 a module as `scripts/build-kernels.mjs` writes it
 * @param imports what the module imports; kernels import nothing unless they say so
 * @returns the exports, or `undefined` where WebAssembly or SIMD is missing or forbidden: use the TypeScript twin then
 */
export function instantiate(base64: string, imports?: WebAssembly.Imports): KernelExports | undefined {
  if (!hasSimd()) return undefined;
  try {
    return new WebAssembly.Instance(compiled(base64), imports).exports;
  } catch (error) {
    // A missing import is a bug of the caller's, not of the platform.
    if (error instanceof WebAssembly.LinkError) throw error;
    return undefined;
  }
}

/** Modules by text: instances are cheap, compiling is not. */
const modules = new Map<string, WebAssembly.Module>();

function compiled(base64: string): WebAssembly.Module {
  let module = modules.get(base64);
  if (module === undefined) {
    module = new WebAssembly.Module(decode(base64));
    modules.set(base64, module);
  }
  return module;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
