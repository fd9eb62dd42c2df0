import { defineProject } from "vitest/config";

// Only a hang is a fault: a busy machine makes any test slow.
export default defineProject({ test: { name: "plugin-sdk", include: ["{src,test}/**/*.test.ts"], testTimeout: 120_000 } });
