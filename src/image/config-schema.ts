type Json = Readonly<Record<string, unknown>>;

/** Whether a value is what a member may have. Go writes null for what is not set. */
type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const texts: Check = (value) => Array.isArray(value) && value.every(text);
const whole: Check = (value) => Number.isInteger(value);
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const labels: Check = (value) => isObject(value) && Object.values(value).every(text);

/** In nanoseconds; docker takes none below a millisecond, with which the check would run all the time. */
const time: Check = (value) => value === 0 || (typeof value === "number" && Number.isInteger(value) && value >= 1e6);

type Schema = Readonly<Record<string, readonly [Check, string]>>;

const TEXT = [text, "no text"] as const;
const TEXTS = [texts, "no list of texts"] as const;
const SET = [isObject, "no object"] as const;
const TIME = [time, "neither 0 nor a millisecond or more"] as const;

const IMAGE: Schema = {
  created: TEXT,
  author: TEXT,
  variant: TEXT,
  "os.version": TEXT,
  config: SET,
  history: [Array.isArray, "no list"],
};

const CONFIG: Schema = {
  User: TEXT,
  ExposedPorts: SET,
  Env: TEXTS,
  Entrypoint: TEXTS,
  Cmd: TEXTS,
  Volumes: SET,
  WorkingDir: TEXT,
  Labels: [labels, "no object of texts"],
  StopSignal: TEXT,
  StopTimeout: [whole, "no whole number"],
  Shell: TEXTS,
  Healthcheck: SET,
};

const HEALTH: Schema = {
  Test: TEXTS,
  Interval: TIME,
  Timeout: TIME,
  StartPeriod: TIME,
  StartInterval: TIME,
  Retries: [whole, "no whole number"],
};

const STEP: Schema = {
  created: TEXT,
  created_by: TEXT,
  author: TEXT,
  comment: TEXT,
  empty_layer: [(value) => typeof value === "boolean", "neither true nor false"],
};

/** What is wrong with the members of an image's config that libct reads (image-spec, config.md); undefined: nothing. */
export function faultOfConfig(image: Json): string | undefined {
  const { config, history } = image;
  const health = isObject(config) ? config.Healthcheck : undefined;
  const steps = Array.isArray(history) ? history : [];
  const fault =
    faultOf(image, IMAGE, "") ?? faultOf(config, CONFIG, "config.") ?? faultOf(health, HEALTH, "config.Healthcheck.");
  if (fault !== undefined) return fault;
  for (const [at, step] of steps.entries()) {
    if (!isObject(step)) return `history[${at}] is no object`;
    const wrong = faultOf(step, STEP, `history[${at}].`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function faultOf(value: unknown, schema: Schema, prefix: string): string | undefined {
  if (!isObject(value)) return undefined;
  for (const [member, [check, why]] of Object.entries(schema)) {
    const found = value[member];
    if (found !== undefined && found !== null && !check(found)) return `${prefix}${member} is ${why}`;
  }
  return undefined;
}
