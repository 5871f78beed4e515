// matrix-js-sdk 34 is written for bundlers: ECMAScript modules that import each other without ".js" and aren't declared as
// modules. These are Node's loader hooks that read it as a bundler would.

const library = "/node_modules/matrix-js-sdk/";

export async function resolve(specifier, context, next) {
    const isOwnFile = context.parentURL?.includes(library) && specifier.startsWith(".");
    if (!isOwnFile) return next(specifier, context);
    for (const ending of ["", ".js", "/index.js"]) {
        try {
            return await next(specifier + ending, context);
        } catch (error) {
            if (!["ERR_MODULE_NOT_FOUND", "ERR_UNSUPPORTED_DIR_IMPORT"].includes(error.code)) throw error;
        }
    }
    return next(specifier, context);
}

export async function load(url, context, next) {
    return next(url, url.includes(library) ? { ...context, format: "module" } : context);
}
