import { describe, expect, it } from "vitest";
import { changeConfig } from "../../../src/image/changes.ts";

describe("an instruction of a Dockerfile", () => {
  it.each([
    ['CMD ["httpd", "-f"]', { Cmd: ["httpd", "-f"] }],
    ["CMD httpd -f", { Cmd: ["/bin/sh", "-c", "httpd -f"] }],
    ["cmd [ -f x ] && true", { Cmd: ["/bin/sh", "-c", "[ -f x ] && true"] }],
    ['ENTRYPOINT ["/entry"]', { Entrypoint: ["/entry"], Cmd: null }],
    ['ENV B=2 C=\'a b\' D="x \\" y" E=a\\ b', { Env: ["A=1", "B=2", "C=a b", 'D=x " y', "E=a b"] }],
    ["ENV A new value", { Env: ["A=new value"] }],
    ["EXPOSE 80 53/udp", { ExposedPorts: { "80/tcp": {}, "53/udp": {} } }],
    ["LABEL a=b c=d", { Labels: { a: "b", c: "d" } }],
    ["STOPSIGNAL SIGQUIT", { StopSignal: "SIGQUIT" }],
    ["USER app:staff", { User: "app:staff" }],
    ['VOLUME ["/data", "/log"]', { Volumes: { "/data": {}, "/log": {} } }],
    ["VOLUME /data /log", { Volumes: { "/data": {}, "/log": {} } }],
    ["WORKDIR app", { WorkingDir: "/srv/app" }],
    ["  WORKDIR   /x  ", { WorkingDir: "/x" }],
  ])("%s", (instruction, change) => {
    const config = { Env: ["A=1"], Cmd: ["sh"], WorkingDir: "/srv" };
    expect(changeConfig(config, instruction)).toEqual({ ...config, ...change });
  });

  it.each(["RUN make", "CMD", "", "ENV", "LABEL =x", "constructor x"])("%j is refused", (instruction) => {
    expect(() => changeConfig({}, instruction)).toThrow(/ERR|changes no image/);
  });
});
