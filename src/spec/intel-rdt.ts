/** Intel's Resource Director Technology (the kernel's resctrl filesystem). */
export interface IntelRdt {
  /** The class of service: a directory of resctrl. Default: the container's name, and then it goes with the container */
  readonly closID?: string;
  /** Lines for its schemata, such as "L3:0=f;1=f". */
  readonly schemata?: readonly string[];
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableMonitoring?: boolean;
}
