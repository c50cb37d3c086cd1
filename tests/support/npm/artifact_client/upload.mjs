// Uploads the files of a folder with GitHub's own client, then reads what there is.
import artifact from "@actions/artifact";

const [name, root, ...files] = process.argv.slice(2);
const uploaded = await artifact.uploadArtifact(name, files, root);
const listed = await artifact.listArtifacts();
const names = listed.artifacts.map((one) => one.name);
console.log(`UPLOADED ${JSON.stringify({ ...uploaded, names })}`);
process.exit(0);
