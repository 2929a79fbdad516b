accelerate launch --num_processes 4 --mixed_precision bf16 sd3_train.py ^
 --pretrained_model_name_or_path "D:\models\sd3_medium.safetensors" --clip_l "D:\models\clip_l.safetensors" ^
 --clip_g "D:\models\clip_g.safetensors" --t5xxl "D:\models\t5xxl_fp16.safetensors" ^
 --train_data_dir "D:\training\my_style" --caption_extension .txt --keep_tokens 1 --resolution 1024,1024 --enable_bucket --max_bucket_reso 2048 ^
 --train_batch_size 1 --max_train_epochs 16 --save_every_n_epochs 1 --save_precision fp16 --save_model_as safetensors ^
 --output_dir "D:\training\out" --output_name sd3_style --seed 0 ^
 --optimizer_type AdamW8bit --learning_rate 1e-4 --lr_scheduler cosine_with_restarts --lr_scheduler_num_cycles 1 --lr_warmup_steps 0 ^
 --mixed_precision bf16 --full_bf16 --gradient_checkpointing --debiased_estimation_loss ^
 --cache_latents --cache_latents_to_disk --cache_text_encoder_outputs --cache_text_encoder_outputs_to_disk --vae_batch_size 1 --max_data_loader_n_workers 2
