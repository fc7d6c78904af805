/** Folders and files: backup and restore. */
export { checkFolder } from './checkFolder';
export { backUpFiles, type BackUpFilesOptions } from './backUpFiles';
export { listTar, restoreTar, type ForeignTar, type RestoredTar, type RestoreTarOptions } from './foreign';
export { planFilesRestore, type FilesRestorePlan, type PlanFilesOptions, type TargetFolder } from './planRestore';
export { restoreFiles, type RestoreFilesOptions } from './restoreFiles';
export { filesSystem, type FilesScratch } from './verify';
