export { verifyFile, type VerifyFileOptions } from './verifyFile';
