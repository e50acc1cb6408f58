import { afterEach, describe, expect, it, vi } from "vitest";
import { installed, requires } from "../support/prerequisite.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a prerequisite of tests", () => {
  it("goes unnoticed when it is there", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(requires("sh", installed("sh"), "everything needs it", { CI: "true" })).toBe(true);
    expect(warn).not.toHaveBeenCalled();
  });

  it("makes its tests skipped, loudly, when it is missing", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(requires("flux", installed("no-such-program"), "it is compared with", {})).toBe(false);
    expect(warn).toHaveBeenCalledWith("SKIPPED: flux is missing: it is compared with");
  });

  it("makes them skipped on a kernel of the matrix, with CI=true too", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(requires("flux", false, "it is compared with", { CI: "true", LIBCT_TEST_KERNEL: "1" })).toBe(false);
    expect(warn).toHaveBeenCalledWith("SKIPPED: flux is missing: it is compared with");
  });

  it("makes them fail with CI=true", () => {
    expect(() => requires("flux", false, "it is compared with", { CI: "true" })).toThrow(
      "flux is missing: it is compared with",
    );
  });
});
