import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*/vitest.config.ts", "packages/plugins/*/vitest.config.ts", "tools/vitest.config.ts"],
    maxWorkers: 2,
    coverage: { provider: "v8", include: ["packages/*/src/**", "packages/plugins/*/src/**"], reporter: ["text-summary"] },
  },
});
