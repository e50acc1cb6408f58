import { closeSync } from "node:fs";
import { hostArch, type ProgramRunner } from "../../executor/index.ts";
import { O } from "../../linux/index.ts";
import { CallWriter } from "../../program/index.ts";
import { badLayer } from "./layer-error.ts";
import { layerPath, whiteoutOf } from "./layer-names.ts";
import { requireIds } from "./mapped-ids.ts";
import { type LayerCall, type LayerStep, Mender } from "./mend.ts";
import {
  ENTRY_OPS,
  entryBytes,
  finishDirectory,
  finishFile,
  openFile,
  type PlaceRules,
  placeLink,
  placeOpaque,
  placeOther,
  placeRoot,
  placeWhiteout,
  syncAll,
  writeFile,
} from "./place.ts";
import { removeBelow } from "./remove-below.ts";
import { Retained } from "./retained.ts";
import { openSession, type Session } from "./session.ts";
import type { LayerIds } from "./session-program.ts";
import type { TarEntry } from "./tar-entry.ts";
import type { UnpackedLayer } from "./unpacked.ts";
import { writeAll } from "./write-all.ts";
import { keptXattrs } from "./xattrs.ts";

/** How a layer says what it hides: to overlay, to an overlay in a user namespace, or by removal from the tree that it is applied to. */
export type WhiteoutForm = "overlay" | "overlay-user" | "applied";

/** From so many bytes on the application writes a file itself, into the descriptor: the way through the executor's socket copies all of it twice more. */
const LARGE = 256 * 1024;
/** For a smaller piece of a file it is not worth to fill the call that is being written. */
const LEAST_PIECE = 4096;

/** A file whose content is coming. */
interface Current {
  readonly path: string;
  readonly entry: TarEntry;
  /** Of the application's own, for a large one. */
  readonly descriptor: number | undefined;
  /** Where the next byte is expected: a hole lies before anything else. */
  next: number;
  sparse: boolean;
}

/** Turns the entries of a layer into calls of a session, in their order. */
export class LayerPlacer {
  readonly #writer: CallWriter;
  readonly #session: Session<LayerCall>;
  readonly #mender: Mender;
  readonly #retained: Retained;
  readonly #rules: PlaceRules;
  readonly #form: WhiteoutForm;
  readonly #ids: LayerIds | undefined;
  readonly #hidden = new Set<string>();
  readonly #made = new Set<string>();
  #steps: LayerStep[] = [];
  #current: Current | undefined;
  #direct = true;
  #fileBytes = 0;

  static async open(
    executor: ProgramRunner,
    directory: string,
    ids: LayerIds | undefined,
    form: WhiteoutForm,
    most: number,
  ): Promise<LayerPlacer> {
    const retained = new Retained(most);
    const mender = new Mender(OPAQUE[form], retained);
    const writer = new CallWriter(hostArch());
    const session = await openSession<LayerCall>(executor, directory, ids, {
      mend: (call, op, errno) => mender.mend(call, op, errno),
      done: (call) => writer.reuse(call),
    });
    mender.session = session;
    return new LayerPlacer(writer, session, mender, retained, ids, form);
  }

  private constructor(
    writer: CallWriter,
    session: Session<LayerCall>,
    mender: Mender,
    retained: Retained,
    ids: LayerIds | undefined,
    form: WhiteoutForm,
  ) {
    this.#writer = writer;
    this.#session = session;
    this.#mender = mender;
    this.#retained = retained;
    this.#ids = ids;
    this.#form = form;
    // With a single id there is no owner but oneself.
    this.#rules = { arch: hostArch(), owners: ids?.writer !== "self", alwaysOwner: form === "applied" };
    if (form !== "applied") placeRoot(this.#writer);
  }

  async entry(given: TarEntry): Promise<void> {
    if (this.#current) await this.#finishCurrent(this.#current);
    const path = layerPath(given.name);
    const whiteout = whiteoutOf(path);
    if (whiteout.kind === "ignored") return;
    if (whiteout.kind !== "none") {
      await this.#whiteout(whiteout.kind, whiteout.path);
      return;
    }
    const entry = this.#admitted(given, path);
    if (!entry) return;
    if (this.#form === "applied") this.#note(path);
    if (entry.type === "directory") await this.#directory(path, entry);
    else {
      if (path === ".") throw badLayer("the layer's root is not a directory in the archive");
      this.#mender.forget(path);
      if (entry.type === "file") await this.#file(path, entry);
      else if (entry.type === "link") await this.#link(path, entry);
      else await this.#step("make", path, entry, () => placeOther(this.#writer, path, entry, this.#rules));
    }
  }

  /** A piece of the content of the last entry. */
  async content(bytes: Uint8Array, at: number): Promise<void> {
    const current = this.#current;
    if (!current) return;
    if (at !== current.next) current.sparse = true;
    current.next = at + bytes.length;
    this.#fileBytes += bytes.length;
    if (current.descriptor !== undefined) {
      writeAll(current.descriptor, bytes, at, current.path);
      return;
    }
    for (let done = 0; done < bytes.length; ) {
      const room = this.#writer.room(2) - 16;
      const rest = bytes.length - done;
      if (room < rest && room < LEAST_PIECE) {
        await this.#send();
        continue;
      }
      const piece = bytes.subarray(done, done + room);
      this.#begin("content", current.path, current.entry);
      writeFile(this.#writer, piece, at + done);
      done += piece.length;
    }
  }

  /** When no more comes for the moment, the executor gets what there is. */
  async pause(): Promise<void> {
    if (!this.#session.busy && this.#writer.ops > 1) await this.#send();
  }

  /** Directories get their attributes, and all is waited for. */
  async finish(): Promise<Pick<UnpackedLayer, "impliedDirectories" | "opaque" | "skipped" | "fileBytes">> {
    if (this.#current) await this.#finishCurrent(this.#current);
    for (const [path, entry] of this.#mender.directories) {
      await this.#step("attributes", path, entry, () => finishDirectory(this.#writer, path, entry, this.#rules));
    }
    // A plain directory that is added to belongs to somebody else, who knows whether it is worth the waiting.
    if (this.#form !== "applied") await this.#step("sync", ".", undefined, () => syncAll(this.#writer));
    if (this.#writer.ops > 1) await this.#send();
    await this.#session.flush();
    const { implied, opaque, skipped } = this.#mender;
    return { impliedDirectories: implied, opaque: [...opaque], skipped, fileBytes: this.#fileBytes };
  }

  /** Ends the session, in whatever state the layer is. */
  async close(): Promise<void> {
    if (this.#current?.descriptor !== undefined) closeSync(this.#current.descriptor);
    await this.#session.close();
  }

  async #directory(path: string, entry: TarEntry): Promise<void> {
    this.#mender.remember(path, entry);
    if (path === ".") return;
    await this.#step("make", path, entry, () => placeOther(this.#writer, path, entry, this.#rules));
    // Below something that is hidden nothing of the layers below may be seen.
    if (this.#hidden.has(path)) await this.#opaque(path);
  }

  async #file(path: string, entry: TarEntry): Promise<void> {
    await this.#step("make", path, entry, () => openFile(this.#writer, path, entry, this.#rules));
    const descriptor = entry.size >= LARGE && this.#direct ? await this.#reopen() : undefined;
    this.#current = { path, entry, descriptor, next: 0, sparse: false };
    if (entry.size === 0) await this.#finishCurrent(this.#current);
  }

  /** The descriptor that the executor has just opened; undefined where this process may not have it, and the content must go the other way. */
  async #reopen(): Promise<number | undefined> {
    await this.#send();
    const descriptor = await this.#session.flush();
    try {
      return this.#session.open(descriptor, O.WRONLY);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EACCES" && code !== "ENOENT" && code !== "EPERM") throw error;
      this.#direct = false;
      return undefined;
    }
  }

  async #finishCurrent(current: Current): Promise<void> {
    this.#current = undefined;
    if (current.descriptor !== undefined) closeSync(current.descriptor);
    const { path, entry } = current;
    const sparse = current.sparse || current.next !== entry.size;
    await this.#step("attributes", path, entry, () => finishFile(this.#writer, entry, sparse, this.#rules));
  }

  async #link(path: string, entry: TarEntry): Promise<void> {
    const target = layerPath(entry.linkname);
    if (target === path) return;
    await this.#step("make", path, entry, () => placeLink(this.#writer, path, target));
  }

  async #whiteout(kind: "hide" | "opaque", hidden: string): Promise<void> {
    if (this.#form === "applied") {
      // Only what the layers below have brought is hidden.
      await this.#sendAll();
      await removeBelow(this.#session, hidden, { itself: kind === "hide", keep: this.#made });
    } else if (kind === "opaque") await this.#opaque(hidden);
    else {
      this.#retained.take(hidden);
      this.#hidden.add(hidden);
      await this.#step("whiteout", hidden, undefined, () => placeWhiteout(this.#writer, hidden));
    }
  }

  async #opaque(path: string): Promise<void> {
    this.#mender.hide(path);
    await this.#step("opaque", path, undefined, () => placeOpaque(this.#writer, path, OPAQUE[this.#form]));
  }

  /** The entry as it can be kept here; undefined when it cannot. */
  #admitted(entry: TarEntry, path: string): TarEntry | undefined {
    const { skipped } = this.#mender;
    if (this.#ids && (entry.type === "character" || entry.type === "block")) {
      // Devices cannot be made in a user namespace (mknod(2), EPERM); containers have those of their own.
      skipped.devices++;
      return undefined;
    }
    if (this.#ids && this.#rules.owners) requireIds(entry, path, this.#ids);
    else if (!this.#rules.owners && (entry.uid !== 0 || entry.gid !== 0)) skipped.owners++;
    if (entry.xattrs.size === 0) return entry;
    const xattrs = keptXattrs(entry, path);
    skipped.xattrs += entry.xattrs.size - xattrs.size;
    return { ...entry, xattrs };
  }

  #note(path: string): void {
    for (let at = path; !this.#made.has(at); ) {
      this.#retained.take(at);
      this.#made.add(at);
      const slash = at.lastIndexOf("/");
      if (slash < 0) return;
      at = at.slice(0, slash);
    }
  }

  async #step(kind: LayerStep["kind"], path: string, entry: TarEntry | undefined, write: () => void): Promise<void> {
    const bytes = entry ? entryBytes(path, entry) : path.length * 3 + 128;
    if (this.#writer.room(ENTRY_OPS + (entry?.xattrs.size ?? 0)) < bytes) await this.#send();
    this.#begin(kind, path, entry);
    write();
  }

  #begin(kind: LayerStep["kind"], path: string, entry: TarEntry | undefined): void {
    this.#steps.push({ first: this.#writer.ops, kind, path, entry });
  }

  async #send(): Promise<void> {
    const call = { ...this.#writer.finish(), steps: this.#steps };
    this.#steps = [];
    await this.#session.submit(call);
  }

  async #sendAll(): Promise<void> {
    if (this.#writer.ops > 1) await this.#send();
    await this.#session.flush();
  }
}

/** Containers of root may have user namespaces, where overlays see the attributes of users alone: so root's layers have both. */
const OPAQUE: Readonly<Record<WhiteoutForm, readonly string[]>> = {
  overlay: ["trusted.overlay.opaque", "user.overlay.opaque"],
  "overlay-user": ["user.overlay.opaque"],
  applied: [],
};
