/** Random bytes as hexadecimal digits. (The web's `crypto`: node:crypto takes longer to load than many a command takes.) */
export function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
