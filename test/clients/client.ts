/** What the stories ask of a git client. Each operation runs as the client's users run it, with our credentials. */

export interface Login {
  user: string;
  password: string;
}

export interface Operation {
  dir: string;
  url: string;
  /** Signs anew for each connection, because a write token commits once; undefined: nobody in particular. */
  login?: (() => Login) | undefined;
}

/** Why the client or the server refused; undefined when the operation was done. */
export type Failure = string | undefined;

export interface OtherClient {
  /** False: this version of the client has no shallow clones. */
  shallow: boolean;
  clone(operation: Operation & { depth?: number }): Promise<Failure>;
  /** Brings branches to `refs/remotes/origin/*`. */
  fetch(operation: Operation): Promise<Failure>;
  /** Records a file of the working tree on the branch checked out. */
  commit(dir: string, file: string, message: string): Promise<Failure>;
  /** An annotated tag of HEAD. */
  tag(dir: string, tag: string, message: string): Promise<Failure>;
  /** @param refspecs `source:target` as full names; an empty source deletes */
  push(operation: Operation & { refspecs: string[]; force?: boolean }): Promise<Failure>;
}

export const AUTHOR = { name: 'Test Agent', email: 'agent@example.com' };
