// matrix-js-sdk, loaded as a bundler would load it, and as quiet as a test should be.

import { register } from "node:module";
import { webcrypto } from "node:crypto";

register("./bundler_resolution.js", import.meta.url);
globalThis.crypto ??= webcrypto; // Node 18 lacks it; the SDK looks for it while it is loaded

export const sdk = await import("matrix-js-sdk");

const { logger } = await import("matrix-js-sdk/lib/logger.js");
logger.setLevel("silent", false);
