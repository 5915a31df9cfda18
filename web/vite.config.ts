import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the gateway. */
const GATEWAY = "http://127.0.0.1:8999";

export default defineConfig({
  build: {
    // The gateway's content security policy allows no data: addresses, so every asset is a file.
    assetsInlineLimit: 0,
    target: "es2022",
  },
  worker: { format: "es" },
  server: {
    proxy: {
      // The gateway checks Host and Origin, so the proxy speaks as a page of the gateway's own.
      "/api": { target: GATEWAY, changeOrigin: true, headers: { origin: GATEWAY } },
      "/v1": { target: GATEWAY, changeOrigin: true, ws: true, headers: { origin: GATEWAY } },
    },
  },
  test: { include: ["tests/**/*.test.ts"] },
});
