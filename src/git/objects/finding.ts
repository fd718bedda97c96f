/** What a check found: one of git's fsck message ids (git-fsck, "FSCK MESSAGES"). */
export interface Finding {
  /** In git's spelling, such as `treeNotSorted`. */
  id: string;
  /** One sentence fit for a client. */
  message: string;
}

/** The messages, by id. Only ids that stop a push are here. */
const MESSAGES = {
  nulInHeader: 'NUL byte in the header',
  unterminatedHeader: 'the header does not end',
  missingTree: "expected a 'tree' line",
  badTreeSha1: "the 'tree' line has no valid id",
  badParentSha1: "a 'parent' line has no valid id",
  missingAuthor: "expected an 'author' line",
  multipleAuthors: "more than one 'author' line",
  missingCommitter: "expected a 'committer' line",
  nulInCommit: 'NUL byte in the commit message',
  missingNameBeforeEmail: 'a person line has no name before the address',
  badName: 'a person line has a bad name',
  missingEmail: 'a person line has no address',
  missingSpaceBeforeEmail: 'a person line has no space before the address',
  badEmail: 'a person line has a bad address',
  missingSpaceBeforeDate: 'a person line has no space before the date',
  zeroPaddedDate: 'a person line has a date with leading zeros',
  badDate: 'a person line has a bad date',
  badDateOverflow: 'a person line has a date that is too large',
  badTimezone: 'a person line has a bad time zone',
  missingObject: "expected an 'object' line",
  badObjectSha1: "the 'object' line has no valid id",
  missingTypeEntry: "expected a 'type' line",
  missingType: "the 'type' line does not end",
  badType: "the 'type' line names no object type",
  missingTagEntry: "expected a 'tag' line",
  missingTag: "the 'tag' line does not end",
  badTree: 'the tree cannot be parsed',
  nullSha1: 'a tree entry has the zero id',
  fullPathname: 'a tree entry name contains a slash',
  emptyName: 'a tree entry has an empty name',
  hasDot: "a tree entry is named '.'",
  hasDotdot: "a tree entry is named '..'",
  hasDotgit: "a tree entry is named '.git', or some file system takes it for that",
  zeroPaddedFilemode: 'a tree entry has a mode with leading zeros',
  largePathname: 'a tree entry name is too long',
  duplicateEntries: 'two tree entries have one name',
  treeNotSorted: 'the tree entries are not sorted',
  gitmodulesSymlink: "'.gitmodules' is a symbolic link",
  gitmodulesBlob: "'.gitmodules' is not a file",
  gitmodulesLarge: "'.gitmodules' is too large to be checked",
  gitmodulesName: "'.gitmodules' has a submodule name that leads out of its folder",
  gitmodulesUrl: "'.gitmodules' has a submodule url that is not allowed",
  gitmodulesPath: "'.gitmodules' has a submodule path that looks like an option",
  gitmodulesUpdate: "'.gitmodules' has a command as update method",
  gitattributesBlob: "'.gitattributes' is not a file",
  gitattributesLarge: "'.gitattributes' is too large to be checked",
  gitattributesLineLength: "'.gitattributes' has a line that is too long",
  gitattributesMissing: "'.gitattributes' cannot be read",
} as const;

export type FindingId = keyof typeof MESSAGES;

export function finding(id: FindingId): Finding {
  return { id, message: MESSAGES[id] };
}
