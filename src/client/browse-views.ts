/** What the browsing routes answer. */

export interface BranchView {
  name: string;
  oid: string;
  isDefault: boolean;
}

export interface CommitView {
  sha: string;
  message: string;
  authorName: string;
  authorEmail: string;
  /** Null when the e-mail address is no agent's. */
  authorId: string | null;
  createdAt: string;
  parents: string[];
}

export interface TreeEntryView {
  name: string;
  path: string;
  type: 'file' | 'directory';
  /** Bytes, of files. */
  size: number | null;
  /** Six octal digits. */
  mode: string;
  oid: string;
}

export interface TreeView {
  ref: string;
  path: string;
  entries: TreeEntryView[];
}

export interface ContentsView {
  path: string;
  ref: string;
  /** base64 for what is not valid UTF-8. */
  encoding: 'utf-8' | 'base64';
  content: string;
  /** Bytes. */
  size: number;
  oid: string;
}
