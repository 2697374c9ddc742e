// SPDX-License-Identifier: GPL-3.0-or-later
// A job type for Flamenco 3: the shots of a jobs file, shared out over workers. Put it into the Manager's folder
// `scripts`; docs/FARM.md says how to use it.
const JOB_TYPE = {
    label: "UniTalker Lip Sync",
    description: "Lip-sync keys for the shots of a jobs file",
    settings: [
        { key: "jobs_file", type: "string", subtype: "file_path", required: true,
          description: "Jobs file (.jsonl) on a disk that all workers see" },
        { key: "shares", type: "int32", default: 8, required: true,
          description: "Tasks that the .blend files are shared out over" },
        { key: "overwrite", type: "bool", default: false,
          description: "Replace files that this jobs file did not make" },
        { key: "blender", type: "string", default: "{blender}", visible: false },
    ],
};

function compileJob(job) {
    const { jobs_file, overwrite, blender } = job.settings;
    const shares = Math.max(1, job.settings.shares);
    for (let share = 1; share <= shares; share++) {
        const args = ["-b", "--command", "unitalker", "--jobs", jobs_file, "--shard", `${share}/${shares}`, "--resume"];
        const task = author.Task(`lip-sync-${share}-of-${shares}`, "blender");
        task.addCommand(author.Command("exec", { exe: blender, args: overwrite ? [...args, "--overwrite"] : args }));
        job.addTask(task);
    }
}
