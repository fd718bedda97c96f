/** The two kinds of keys agents may hold; `ecdsa` always means P-256 with SHA-256. */
export type KeyType = 'ed25519' | 'ecdsa';
