export * from './tree';
export * from './inflate';
export * from './prefix';
