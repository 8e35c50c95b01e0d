"""Methods side by side on the user's own images: noise is added, every method takes it out, the clean image judges.

`conditions` says what is measured, `references` what stands for the truth, `noise_cases` what noise is added, `methods`
who takes part; `measuring` makes one row, `running` all of them, `folder` keeps them; `summary` and `table` tell.
"""
