import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => {
  /** Where `npm run dev` finds the gateway. */
  const gateway = loadEnv(mode, ".", "GATEWAY_").GATEWAY_URL ?? "http://127.0.0.1:8999";
  // The gateway checks Host and Origin, so the proxy speaks as a page of the gateway's own.
  const proxied = { target: gateway, changeOrigin: true, headers: { origin: gateway } };
  return {
    build: {
      // The gateway's content security policy wants every script and style as a file.
      assetsInlineLimit: 0,
      target: "es2022",
      rolldownOptions: { input: ["index.html", "topology.html"] },
    },
    worker: { format: "es" },
    server: { proxy: { "/api": proxied, "/v1": { ...proxied, ws: true } } },
    test: { include: ["tests/**/*.test.ts"] },
  };
});
