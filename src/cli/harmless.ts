/** What others choose, such as the names of a container's interfaces, may hold control sequences of a terminal and line ends: here they do nothing. */
export const harmless = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) =>
    character < "\x7f" ? JSON.stringify(character).slice(1, -1) : `\\x${character.charCodeAt(0).toString(16)}`,
  );
