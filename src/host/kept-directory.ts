/** Where network namespaces are kept until the host's interfaces in them are back; beside the directory that roots are built in. */
export const keptBeside = (scratch: string): string => `${scratch.slice(0, scratch.lastIndexOf("/"))}/netns`;
