/** Folders and files: backup and restore. */
export { backUpFiles, type BackUpFilesOptions, type IncrementalChoices } from './backUpFiles';
export { restoreFiles, type RestoreFilesOptions } from './restoreFiles';
export { filesSystem, type FilesScratch } from './verify';
