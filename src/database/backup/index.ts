export type { BackupHeader } from './backup-file.js';
export { readHeader, restoreBackup } from './restore-backup.js';
export { type BackupReport, writeBackup } from './write-backup.js';
